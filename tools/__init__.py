"""What the sessions of the noxfile and CI run; nothing here is published."""
