"""What every part uses: errors, schemas, files, paths."""
