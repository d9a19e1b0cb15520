int sl__placeholder_root; 
