"""To and from PyTorch. Torch is imported only where a torch object is handed in."""
