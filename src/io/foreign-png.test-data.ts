/** Small PNG files, 7 x 5, that Pillow 13 wrote, and what it reads from them, transparent parts on black; both in base64. */
export const foreignPngs = [
  {
    name: 'grey',
    png: 'iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFCAAAAACs8akEAAAALUlEQVR42gXBAQ4AEAwDQKRTE2sm/P+r3NWp1NbGw4qMxBWHyRq9MdDhfliCHz+bAniCRZxCAAAAAElFTkSuQmCC',
    channels: 1,
    pixels: 'ChgoNkdVZgkcNENXZHYdKztLXHJ7JDQ9Uml2gS09UFlpg4o=',
  },
  {
    name: 'one bit',
    png: 'iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFAQAAAACh4ct1AAAAEklEQVR42mNgYeJjZmTyYuACAAGnAG++Bg+MAAAAAElFTkSuQmCC',
    channels: 1,
    pixels: 'AAAAAAD/AAAAAP8AAP8AAAAA/wD/AP8A/wD/AAAAAAD/AP8=',
  },
  {
    name: 'grey and alpha',
    png: 'iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFCAQAAAAjkz5TAAAARUlEQVR42gXBQQ6AIAwEwCilZbfQGjB69/9vVGc2eeY6L8yba/WQMdhYvKmBant1i2IJNWhCsiYC+GJ0C4gSxZPej5cVP5fXBQLEEm4DAAAAAElFTkSuQmCC',
    channels: 1,
    pixels: 'AQUMEx4sOAMIEBkjNT4FCxIiJzxLCRIZJTNGWAwVIi5BSmE=',
  },
  {
    name: 'colour',
    png: 'iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFCAIAAAAG+GGPAAAAXklEQVR42gXBgRGDMAgAwBgIIAQE9dpM0FW6/0K1/xt9vq9wW1F0v1dWLTqyTxpg5D/jmuTZ4KlDUTIQq91Ro/PeSwtgQxDRUyfQ0D1oiPdQwpOBHmZ1ZwbLJoZy/QHKpAeFcWplowAAAABJRU5ErkJggg==',
    channels: 3,
    pixels:
      'BhwnOE9gZhIfND9VYHcaIzRQXHF6HS1AVWp5iC81R2JteYwmNExSanuKLD9KY3d+mTxDXmiAipxEVmFyhpemS1VreZGfrkdUYnaGnq5MWm2Clp24Wmt7hJiuuWJ1gY2dsL9lfI6VrbvS',
  },
  {
    name: 'colour and alpha',
    png: 'iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFCAYAAACJmvbYAAAAdUlEQVR42gXB2xXCIAwAUAqEkBck0KP1z2Gcxf0nsN57yPvzpW18eXi/1uu5ztgYJo8ZGYN7mCDQ6EuQ2m2SXI3HgJqOln+gsy12RkpT7yIIhat4Xb1vUWW/kXLbkaHjRCNlwirnAB9HTyjZNBGvUBhtFK36B1WbCoUoHc52AAAAAElFTkSuQmCC',
    channels: 3,
    pixels:
      'BAkWHzJDUggRGiw5SFwIEiEzRVRsEhstOklkehkmLUZWb4QNFiI3SVNsFR4pQU1lehYkOEVXbIceLjtRXneUKjlBXnOLqBskMUZbboQiKzxOan+SJTdJVGuFpy9CUWp3lbU5RllvjKXC',
  },
  {
    name: 'palette of 4 bits',
    png: 'iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFBAMAAAB7tOvrAAAAG1BMVEWCpcJ4k7VniKpdfZpQcIk9XXwwTmseQl4QK0rOQ5obAAAAHUlEQVR42mNuN+L8z8TwgeED0//37xmYPjD8h7AAingMRqdPX00AAAAASUVORK5CYII=',
    channels: 3,
    pixels:
      'EB4ePVBdZxAeMD1QXXgQMD1QXWd4HjA9UF14gh49UF1ngoIrQkJdcH2IK0JOXXB9kytOXXB9iJNCTl1wfZOlQl1wfYilpUpeXnyJmqpKXmt8iZq1Smt8iZqqtV5rfImatcJefImaqsLC',
  },
  {
    name: 'palette with transparency',
    png: 'iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFBAMAAAB7tOvrAAAAD1BMVEV/oLtqiKhWdJY6WXgcN1tEfpNFAAAAA3RSTlMAgP/s97MYAAAAIklEQVR4nGN0+X//HRPDh/8fmBj+MzAw/Wd4z8D04QMDAwCYYQrGqFyqNAAAAABJRU5ErkJggg==',
    channels: 3,
    pixels:
      'HBwcOlZWNRwcOjpWNQAcHDpWVjUAHDo6VjUAADo6VlY1AAA3NzdZdHRENzdZWXREADc3WXR0RAA3WVl0RAAAWVl0dEQAAFtbW3iWllRbW3h4llQAW1t4lpZUAFt4eJZUAAB4eJaWVAAA',
  },
  {
    name: '16 bits',
    png: 'iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFEAAAAAD8YXVHAAAAVklEQVR4nAFLALT/AO8LS+GvHVn10uOV2eWUArQpSnPO9bFWTAEhS74nAJGrHevTccvSiDtBGtAwBPTk4lFIlBLrdH+jDoKeAWREVaUH3gkQp5otGPkXgMQjB/n09m8AAAAASUVORK5CYII=',
    channels: 1,
    pixels: '7kyuWtKV5aOVfQoftaORHtPLiEHPhf5IWc0sUmS5wMlwnZY=',
  },
  {
    name: 'grey with a transparent value',
    png: 'iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFCAAAAACs8akEAAAAAnRSTlMAKEMmZcIAAAArSURBVHicY+TkFBbjFpJk1GBgYGBgYGCCUAws30R5pPi4hZl4Wfk4WTk5ACmVAkDFjKMGAAAAAElFTkSuQmCC',
    channels: 1,
    pixels: 'CRIlO0ZYcQAAAAAAAAAAAAAAAAAAHjM/WWdyhSs4TWJse40=',
  },
];
