# Docker in the distribution, rootless beside.
{
  virtualisation.docker.enable = true;
  virtualisation.docker.rootless = {
    enable = true;
    setSocketVariable = true;
  };
  users.users.nixos.extraGroups = [ "docker" ];
}
