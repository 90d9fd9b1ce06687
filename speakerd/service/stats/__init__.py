"""What the journal, or an events file, tells of many days: `speakerd stats`."""
