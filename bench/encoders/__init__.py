"""Encoders in four stages that methods put their exits on, and the pretrained weights that fill them."""
