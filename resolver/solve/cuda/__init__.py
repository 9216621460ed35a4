"""CUDA and GPU builds as rules for the search: virtual projects, demands of builds, and labels of wheels."""
