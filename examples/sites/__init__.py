"""Sites on one machine, and the story that the demo of sites plays with them."""
