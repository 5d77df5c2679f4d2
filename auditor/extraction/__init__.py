"""One pass over the pictures: activations, logits and embeddings in resumable shards."""
