# Another Nix, machines that build, and programs for other processors.
{ pkgs, ... }:
{
  nix.package = pkgs.lix;
  nix.distributedBuilds = true;
  nix.buildMachines = [
    {
      hostName = "builder.example";
      systems = [ "aarch64-linux" ];
      sshUser = "nix";
      sshKey = "/root/.ssh/builder";
      maxJobs = 4;
      supportedFeatures = [ "big-parallel" ];
    }
  ];
  boot.binfmt.emulatedSystems = [ "aarch64-linux" ];
}
