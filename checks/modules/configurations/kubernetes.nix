# Kubernetes' clients, and a cluster of one node.
{ pkgs, ... }:
let
  # A build of one's own, as for a newer release than nixpkgs has. To evaluate nixpkgs' needs its list of Haskell's packages,
  # which some copies leave out.
  k3s = pkgs.writeShellScriptBin "k3s" "exec /opt/k3s \"$@\"";
in
{
  services.k3s = {
    enable = true;
    package = k3s;
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
