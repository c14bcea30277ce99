# Kubernetes' clients, and a cluster of one node.
{ pkgs, ... }:
{
  services.k3s = {
    enable = true;
    role = "server";
    extraFlags = [ "--disable=traefik" ];
  };
  networking.firewall.enable = false;
  environment.systemPackages = [
    pkgs.kubectl
    pkgs.kubernetes-helm
    pkgs.k9s
  ];
  environment.variables.KUBECONFIG = "/etc/rancher/k3s/k3s.yaml";
}
