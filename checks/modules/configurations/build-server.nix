# A runner of jobs, a cache, and a forge.
{
  services.github-runners.wsl = {
    enable = true;
    url = "https://github.com/example/example";
    tokenFile = "/etc/runner-token";
  };
  services.harmonia.cache.enable = true;
  services.forgejo.enable = true;
  users.users.nixos.extraGroups = [ "forgejo" ];
}
