//! One file per panel: views read state and queue commands, nothing else.
