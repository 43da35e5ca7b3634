# A queue that goes round (S6.8): who is served comes last again.
expect 3 rpush ring a b c
expect a lmove ring ring left right
expect b lmove ring ring left right
expect "c a b" lrange ring 0 -1
expect b rpoplpush ring ring
expect "b c a" lrange ring 0 -1
# A worker keeps what it works at in a list of its own until it is done.
expect 2 rpush jobs one two
expect one lmove jobs working:1 left right
expect 1 lrem working:1 1 one
expect two lmove jobs working:1 left right
# It crashed: another one puts the job back.
expect two lmove working:1 jobs right left
expect two lrange jobs 0 -1
expect 0 exists working:1
