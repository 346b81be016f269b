"""Motion capture files, and the bodies that they drive."""
