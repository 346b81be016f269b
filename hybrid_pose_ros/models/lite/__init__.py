"""The lite family: small networks of the published idea, 128 x 128 in, 64 x 64 logits out."""
