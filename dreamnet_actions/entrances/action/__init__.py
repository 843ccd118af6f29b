"""The entrance inside GitHub Actions: inputs and the event's file in; outputs, a summary and annotations out.

Two stages. ``first`` runs on the machine's own Python with the standard library alone: it reads the inputs, refuses
what is wrong and answers what needs no package (an event that is none of ours) in tens of milliseconds. Only then
``install`` makes an environment by uv with what this request needs, and ``run`` goes through the pipe there.
"""
