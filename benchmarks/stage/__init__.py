"""What more than one benchmark stands on: services of their own, and organizations that own something."""
