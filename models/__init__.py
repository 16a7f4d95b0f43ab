"""What a model is: its card, its labels, where its weights come from."""
