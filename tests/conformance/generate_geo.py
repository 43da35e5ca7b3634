"""Random geo commands: places all over the map, shapes from metres to half the earth.

Places lie on no common point, since how Redis orders equal distances is left to its sort: with a COUNT it sorts a part.
"""

GEO_KEYS = [b"geo:1", b"geo:2", b"geo:3"]
UNITS = [b"m", b"km", b"ft", b"mi", b"KM", b"yd"]
ODD_LATITUDES = [b"-86"]  # They are good longitudes.
ODD = [b"nan", b"inf", b"", b"x", b"181", *ODD_LATITUDES, b"1e308"]


def left_to_chance(command):
    """Distances that become places: their whole parts alone are read as such, and many are equal."""
    upper = [word.upper() for word in command]
    if upper[0] == b"GEOSEARCHSTORE":
        return b"STOREDIST" in upper and command[1] in GEO_KEYS
    return upper[0] in (b"GEORADIUS", b"GEORADIUSBYMEMBER") and any(
        word == b"STOREDIST" and after in GEO_KEYS for word, after in zip(upper, command[1:]))


class GeoCommands:
    def geo(self):
        kind = self.random.randrange(10)
        if kind < 4:
            places = [part for _ in range(self.random.randint(1, 12))
                      for part in (*self.place(), b"m%d" % self.random.randrange(300))]
            return [b"GEOADD", self.geo_target(), *self.random.choice([[], [], [b"NX"], [b"XX"], [b"CH"], [b"NX", b"XX"]]),
                    *places]
        if kind == 4:
            verb = self.word(b"GEOPOS", b"GEOHASH")
            return [verb, self.geo_key(), *self.some(self.geo_member)]
        if kind == 5:
            return [b"GEODIST", self.geo_key(), self.geo_member(), self.geo_member(),
                    *self.random.choice([[], [self.random.choice(UNITS)]])]
        if kind < 9:
            verb = self.word(b"GEOSEARCH", b"GEOSEARCH", b"GEOSEARCHSTORE")
            target = [self.geo_target()] if verb.upper() == b"GEOSEARCHSTORE" else []
            center = self.random.choice([[b"FROMMEMBER", self.geo_member()], [b"FROMLONLAT", *self.place()]])
            shape = self.random.choice([[b"BYRADIUS", self.length()], [b"BYBOX", self.length(), self.length()]])
            options = self.geo_options()
            if target and b"STOREDIST" in options:
                target = [b"a"]
            return [verb, *target, self.geo_key(), *center, *shape, self.unit(), *options]
        verb = self.word(b"GEORADIUS", b"GEORADIUS_RO", b"GEORADIUSBYMEMBER", b"GEORADIUSBYMEMBER_RO")
        center = [self.geo_member()] if b"MEMBER" in verb.upper() else self.place()
        store = self.random.choice([[self.word(b"STORE"), self.geo_target()], [self.word(b"STOREDIST"), b"a"]]) \
            if self.random.random() < 0.2 else []
        return [verb, self.geo_key(), *center, self.length(), self.unit(), *self.geo_options(), *store]

    def geo_key(self):
        return self.random.choice(GEO_KEYS * 6 + [b"lcs:1", b"geo:missing"])

    def geo_target(self):
        return self.random.choice(GEO_KEYS * 6 + [b"a"])

    def geo_member(self):
        return b"m%d" % self.random.randrange(310)

    def unit(self):
        return self.random.choice(UNITS[:5] * 4 + UNITS)

    def length(self):
        dice = self.random.random()
        if dice < 0.04:
            return self.random.choice(ODD + [b"0", b"-1"])
        return b"%.3f" % (10 ** self.random.uniform(-1, 4.5))

    def place(self):
        if self.random.random() < 0.03:
            odd = self.random.choice(ODD)
            return [b"1", odd] if odd in ODD_LATITUDES else [odd, b"1"]
        if self.random.random() < 0.03:  # On an edge of the map; never in a corner, where two would be equally far.
            return self.random.choice([[self.random.choice([b"180", b"-180", b"0"]), b"%.9f" % self.random.uniform(-85.05, 85.05)],
                                       [b"%.9f" % self.random.uniform(-180, 180), self.random.choice([b"85.05112878", b"-85.05112878", b"0"])]])
        if self.random.random() < 0.5:  # Many within one region.
            return [b"%.9f" % self.random.gauss(15, 3), b"%.9f" % self.random.gauss(40, 3)]
        return [b"%.9f" % self.random.uniform(-180, 180), b"%.9f" % self.random.uniform(-85.05, 85.05)]

    def geo_options(self):
        return [part for option in self.random.sample(
            [[b"ASC"], [b"DESC"], [b"COUNT", b"%d" % self.random.randint(0, 8)], [b"COUNT", b"3", b"ANY"],
             [b"WITHDIST"], [b"WITHCOORD"], [b"WITHHASH"], [b"STOREDIST"]],
            self.random.choice([0, 0, 1, 1, 2, 3])) for part in option]
