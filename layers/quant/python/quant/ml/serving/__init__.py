"""Documents of the answers about models and their predictions."""
