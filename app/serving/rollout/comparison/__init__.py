"""What two versions did, counted in constant memory and compared."""
