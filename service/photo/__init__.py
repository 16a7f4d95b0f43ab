"""The bytes of a photograph -> the square of pixels that the network sees."""
