"""A training as a whole: data sets on disk -> a network (`models.training`) -> its model file."""
