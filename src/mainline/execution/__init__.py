"""Where a run is computed: in a container of this machine, as a Job of a cluster, as a Kubeflow pipeline."""
