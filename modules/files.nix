# wsl.files: the texts that the modules write for WSL and for this project's programs, where checks can read them.
{ lib, ... }:

{
  options.wsl.files =
    lib.mapAttrs
      (
        _: file:
        lib.mkOption {
          type = lib.types.str;
          internal = true;
          readOnly = true;
          description = "Text of ${file}.";
        }
      )
      {
        distributionConf = "{file}`/etc/wsl-distribution.conf`";
        root = "{file}`nixos-wsl/root.json` in a system";
        session = "{file}`nixos-wsl/session.json` in a system";
        wslConf = "{file}`/etc/wsl.conf`";
      };
}
