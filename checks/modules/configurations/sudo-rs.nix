# sudo in Rust, for agents too.
{
  security.sudo-rs = {
    enable = true;
    execWheelOnly = true;
    wheelNeedsPassword = false;
  };
  wsl.presets.agents = true;
  services.userborn.enable = true;
}
