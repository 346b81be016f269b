"""The published split of DHP19: whom networks are judged on, and what is left out."""

TEST_SUBJECTS = (13, 14, 15, 16, 17)
EXCLUDED = frozenset({"S16_session2_mov1"})  # its time stamps are broken
