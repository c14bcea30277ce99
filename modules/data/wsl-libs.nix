# Files that the drivers of Windows are known to bring to /usr/lib/wsl/lib, for packages that must name them beforehand.
[
  # Direct3D, on every machine with a driver.
  "libd3d12.so"
  "libd3d12core.so"
  "libdxcore.so"

  # NVIDIA: CUDA, video, ray tracing, and its tool.
  "libcuda.so"
  "libcuda.so.1"
  "libcuda.so.1.1"
  "libcudadebugger.so.1"
  "libnvcuvid.so"
  "libnvcuvid.so.1"
  "libnvdxdlkernels.so"
  "libnvidia-encode.so"
  "libnvidia-encode.so.1"
  "libnvidia-gpucomp.so"
  "libnvidia-ml.so.1"
  "libnvidia-ngx.so.1"
  "libnvidia-opticalflow.so"
  "libnvidia-opticalflow.so.1"
  "libnvoptix.so.1"
  "libnvoptix_loader.so.1"
  "libnvwgf2umx.so"
  "nvidia-smi"
]
