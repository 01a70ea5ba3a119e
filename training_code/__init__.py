"""Programs of the training containers; each entry module calls `bootstrap.install` before other imports."""
