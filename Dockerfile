# Booth's images, one a target:
#
#   service  the HTTP service on CPUs; the default
#   gpu      the same on NVIDIA GPUs
#   demo     the page, for a service that runs elsewhere (BOOTH_URL)
#   export   `booth pull`, `booth export`, `booth train`: with PyTorch
#
#   docker build --target service --tag booth .
#
# PIP_INDEX_URL and PIP_EXTRA_INDEX_URL are taken as build arguments: a mirror, or, for `export`,
# PyTorch's builds without CUDA, which save gigabytes. HEIC= leaves HEIC photographs out: see NOTICE,
# before you pass an image on.
#
# `python -m deploy.images` builds the images, runs them, and brings docker-compose.yml up.

# The minor version and Debian's release are fixed; their security fixes come with each build.
ARG PYTHON=3.13-slim-trixie

# ---- What serving needs, gRPC, buckets and traces included, in a virtual environment without pip.
FROM python:${PYTHON} AS venv-service
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG HEIC=heic
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
RUN python3 -m venv --without-pip /opt/booth
COPY pyproject.toml constraints.txt ./
COPY deploy/requirements.py deploy/
RUN python3 deploy/requirements.py > serving.txt \
 && python3 deploy/requirements.py fast grpc repository tracing ${HEIC} >> serving.txt \
 && pip --python /opt/booth/bin/python3 install --constraint constraints.txt --requirement serving.txt

# OpenVINO runs networks on CPUs; its plugins for other devices are a third of it.
FROM venv-service AS venv-cpu
RUN python3 deploy/requirements.py openvino > openvino.txt \
 && pip --python /opt/booth/bin/python3 install --constraint constraints.txt --requirement openvino.txt \
 && find /opt/booth -path '*/openvino/libs/*' -name 'libopenvino_intel_[gn]pu_*' -delete

FROM venv-service AS venv-demo
RUN python3 deploy/requirements.py demo > demo.txt \
 && pip --python /opt/booth/bin/python3 install --constraint constraints.txt --requirement demo.txt

FROM venv-service AS venv-export
RUN python3 deploy/requirements.py train > train.txt \
 && pip --python /opt/booth/bin/python3 install --constraint constraints.txt --requirement train.txt

# Both builds of ONNX Runtime fill the same folder, so one has to go before the other comes.
FROM venv-service AS venv-gpu
COPY deploy/requirements-gpu.txt deploy/
RUN pip --python /opt/booth/bin/python3 uninstall --yes onnxruntime \
 && pip --python /opt/booth/bin/python3 install --constraint constraints.txt --requirement deploy/requirements-gpu.txt

# ---- Booth itself, in a folder of its own: all images share this layer, and a new version is only it.
FROM venv-service AS code
COPY LICENSE NOTICE README.md ./
COPY client/booth_client client/booth_client
COPY demo demo
COPY export export
COPY models models
COPY service service
RUN pip --python /opt/booth/bin/python3 install --no-deps --prefix /opt/code .
COPY deploy/healthy.py /opt/code/bin/healthy.py

# ---- What all images have.
FROM python:${PYTHON} AS runtime
# Nothing is compiled at run time: pip did it, and the file system may be read-only.
# MALLOC_MMAP_THRESHOLD_: glibc raises the threshold itself once large blocks were freed, and keeps
# them from then on: after large photographs the service held 813 MB, with a fixed threshold 60 MB.
ENV PATH=/opt/booth/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MALLOC_MMAP_THRESHOLD_=1048576 \
    HOME=/tmp \
    BOOTH_MODEL_DIR=/models \
    XDG_CACHE_HOME=/cache
# Volumes that are mounted here for the first time take over the owner. /cache has what a runtime
# compiled of a network, for a faster start; without a volume each start compiles it.
RUN install --directory --owner=10001 --group=10001 /models /cache
WORKDIR /tmp

FROM runtime AS demo
COPY --from=venv-demo /opt/booth /opt/booth
COPY --from=code /opt/code /opt/booth
USER 10001:10001
EXPOSE 7860
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python3", "-IS", "/opt/booth/bin/healthy.py", "http://127.0.0.1:7860/"]
ENTRYPOINT ["python3", "-m", "demo"]
CMD ["--host", "0.0.0.0"]

FROM runtime AS export
COPY --from=venv-export /opt/booth /opt/booth
COPY --from=code /opt/code /opt/booth
USER 10001:10001
ENTRYPOINT ["booth"]
CMD ["--help"]

FROM runtime AS gpu
COPY --from=venv-gpu /opt/booth /opt/booth
COPY --from=code /opt/code /opt/booth
# The dynamic loader finds CUDA's libraries among the Python packages; the driver's come with the container.
RUN find /opt/booth -type d -path '*/nvidia/*/lib' > /etc/ld.so.conf.d/nvidia-packages.conf && ldconfig
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    BOOTH_PROVIDERS=cuda,cpu \
    BOOTH_MAX_BATCH_SIZE=32 \
    BOOTH_HOST=0.0.0.0 \
    BOOTH_LOG=json \
    BOOTH_DEMO=off
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s CMD ["python3", "-IS", "/opt/booth/bin/healthy.py"]
ENTRYPOINT ["booth"]
CMD ["serve"]

FROM runtime AS service
COPY --from=venv-cpu /opt/booth /opt/booth
COPY --from=code /opt/code /opt/booth
ENV BOOTH_HOST=0.0.0.0 \
    BOOTH_LOG=json \
    BOOTH_DEMO=off
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python3", "-IS", "/opt/booth/bin/healthy.py"]
ENTRYPOINT ["booth"]
CMD ["serve"]
