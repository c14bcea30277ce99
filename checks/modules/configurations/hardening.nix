# doas in the place of sudo, keys for what is left, records of what is done.
{
  module =
    { lib, ... }:
    {
      security = {
        sudo.enable = false;
        doas = {
          enable = true;
          extraRules = [
            {
              users = [ "nixos" ];
              keepEnv = true;
              noPass = true;
            }
          ];
        };
        protectKernelImage = true;
        pam.loginLimits = [
          {
            domain = "*";
            item = "nofile";
            type = "-";
            value = "65536";
          }
        ];
      };
      users.users.root.hashedPassword = "!";
      environment.defaultPackages = lib.mkForce [ ];
      boot.tmp.cleanOnBoot = true;
      boot.kernel.sysctl."kernel.unprivileged_bpf_disabled" = 1;
    };
}
