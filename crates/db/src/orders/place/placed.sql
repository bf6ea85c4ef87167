select identity, day, sequence, now() as placed_at from numbered order by place
