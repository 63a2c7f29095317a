"""What runs in the image beside the server: the health check, the example's check, the door of a Docker host."""
