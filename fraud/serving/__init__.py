"""What an endpoint is asked and answers, apart from any server: used by the prebuilt container's handlers too."""
