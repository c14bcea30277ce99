# What a system's configuration may say of the stand-in: NixOS has an option for each. generation.nix and accounts.nix
# carry it out; null there is a system that nobody changes.
{
  # Names that the next start reads before its activation.
  hostName ? "nixos",
  defaultUser ? "nixos",
  # WSL's own options.
  automountRoot ? "/mnt/",
  # Texts below /etc, by path.
  etc ? { },
  # By name: { uid; shell ? "bash"; }
  users ? { },
  # By name: { gid; members ? [ ]; }
  groups ? { },
  # The shell of the user `nixos`: a name.
  loginShell ? "bash",
  # Names of packages that come into the path.
  programs ? [ ],
  # By name: { script; wantedBy ? [ "multi-user.target" ]; startAt ? null; }, the last a timer's OnCalendar.
  services ? { },
  # Kernel settings, by name.
  sysctl ? { },
}:
{
  inherit
    hostName
    defaultUser
    automountRoot
    etc
    users
    groups
    loginShell
    programs
    services
    sysctl
    ;
}
