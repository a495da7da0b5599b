"""Runs of a grid on several workers: processes of this machine, tasks of a Ray cluster, jobs of Slurm."""
