# What was written for an old NixOS-WSL.
{
  warnings = [
    "wsl.automountPath"
    "wsl.docker"
  ];
  module.wsl.automountPath = "/mnt";
  module.wsl.docker.enable = true;
}
