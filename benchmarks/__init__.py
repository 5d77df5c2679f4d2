"""What is measured by hand, with the command; results/ holds the figures."""
