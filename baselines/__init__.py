"""The published networks that HashReID is compared with: DaRe, BranchyNet, MSDNet and RANet.

A method's file holds what the harness reads (options, recipes, what is faithful and what is not) and no torch;
``baselines.networks`` holds the networks.
"""
