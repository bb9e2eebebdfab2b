"""Clip ids from their numbers, as the data sets write them."""


def ntu_id(setup=1, camera=1, subject=1, replication=1, action=1):
    return f"S{setup:03d}C{camera:03d}P{subject:03d}R{replication:03d}A{action:03d}"


def ucla_id(action=1, subject=1, episode=0, view=1):
    return f"a{action:02d}_s{subject:02d}_e{episode:02d}_v{view:02d}"
