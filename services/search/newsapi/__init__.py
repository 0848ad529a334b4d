"""NewsAPI.org's version 2 over the index: programs that were written for that service work unchanged."""
