# Kubernetes' clients, for clusters elsewhere.
{ pkgs, ... }:
{
  environment.systemPackages = [
    pkgs.kubectl
    pkgs.kubernetes-helm
    pkgs.k9s
    pkgs.kind
  ];
  programs.bash.shellAliases.k = "kubectl";
  virtualisation.docker.enable = true;
  boot.kernel.sysctl = {
    "fs.inotify.max_user_instances" = 8192;
    "net.ipv4.ip_forward" = 1;
  };
}
