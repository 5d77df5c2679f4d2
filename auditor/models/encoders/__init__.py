"""Text-image encoders behind one record: open_clip, the bundled sample encoder, and conse for photographs offline."""
