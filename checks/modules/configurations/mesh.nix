# A mesh network, and names from its own server.
{
  services.tailscale.enable = true;
  services.tailscale.useRoutingFeatures = "client";
}
