"""The label sets: ImageNet's 1000 objects and Places365's 365 scenes, in plain words."""
