"""What touches the machine: each measures one subject and judges nothing."""
