"""What compares across floors: do scores tell true explanations from wrong ones?

:mod:`wrong` makes explanations that are wrong in known ways, :mod:`validity` scores them beside the
truth. ``neuroscribe bench`` runs the studies. :mod:`naming`
asks whether explanations of a finding's units name what these were found by.
"""
