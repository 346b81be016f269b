"""The 33 movements of DHP19, free motion and standing, as functions of time."""
