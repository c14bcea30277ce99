# NVIDIA in containers: a driver that nixpkgs believes in, the toolkit's generator, and programs that are not free.
{
  warnings = [ "services.xserver.videoDrivers has no effect" ];
  module =
    { config, pkgs, ... }:
    {
      nixpkgs.config.allowUnfree = true;
      nixpkgs.config.cudaSupport = false;
      services.xserver.videoDrivers = [ "nvidia" ];
      hardware.nvidia.open = true;
      hardware.nvidia-container-toolkit = {
        enable = true;
        mount-nvidia-executables = false;
      };
      virtualisation.docker.enable = true;
      virtualisation.docker.daemon.settings.features.cdi = true;
      wsl.useWindowsDriver = true;
      environment.sessionVariables = {
        CUDA_PATH = "${pkgs.cudatoolkit}";
        LD_LIBRARY_PATH = [
          "/usr/lib/wsl/lib"
          "${pkgs.ncurses5}/lib"
          "/run/opengl-driver/lib"
        ];
        EXTRA_LDFLAGS = "-L/lib -L${config.wsl.wslLib}/lib";
        MESA_D3D12_DEFAULT_ADAPTER_NAME = "NVIDIA";
      };
    };
}
