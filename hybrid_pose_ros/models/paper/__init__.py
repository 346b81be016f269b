"""The published networks (Aydin et al., CVPRW 2024), key by key and number by number."""
