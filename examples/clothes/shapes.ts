/** Clothes as polygons on a field of 28 x 28 pixels, origin at the top left: what `draw.ts` draws. */

export type Point = readonly [x: number, y: number];

/** Polygons over each other in this order, each with its grey, 0 black to 255 white. */
export type Drawing = readonly { readonly grey: number; readonly outline: readonly Point[] }[];

/** A polygon and its mirror image in the middle of the field. */
function both(grey: number, outline: readonly Point[]): Drawing {
  return [
    { grey, outline },
    { grey, outline: outline.map(([x, y]) => [28 - x, y] as const) },
  ];
}

/** A polygon whose right half is the mirror image of its left, which is given from top to bottom. */
function symmetric(grey: number, left: readonly Point[]): Drawing[number] {
  return { grey, outline: [...left, ...left.map(([x, y]) => [28 - x, y] as const).reverse()] };
}

const sleeve: readonly Point[] = [
  [8.5, 2.5],
  [4.5, 6],
  [2.5, 24.5],
  [6, 25],
  [8.5, 10],
];

export const drawings: Record<string, Drawing> = {
  't-shirt': [
    symmetric(190, [
      [10, 2],
      [7, 3],
      [1, 8],
      [4, 12],
      [8, 9.5],
      [8, 26],
    ]),
    symmetric(0, [
      [10.5, 1],
      [11.5, 3.5],
      [13, 4.5],
    ]),
  ],
  trouser: [
    symmetric(200, [
      [9, 1],
      [8, 27],
      [13, 27],
      [13.7, 8],
    ]),
  ],
  pullover: [
    symmetric(170, [
      [10.5, 2],
      [8, 3],
      [8, 26],
    ]),
    ...both(150, sleeve),
    symmetric(0, [
      [11, 1],
      [12, 3],
    ]),
  ],
  dress: [
    symmetric(210, [
      [10.5, 1],
      [11, 10],
      [7.5, 27],
    ]),
    symmetric(0, [
      [12, 0],
      [12.5, 4],
    ]),
  ],
  coat: [
    symmetric(160, [
      [10.5, 1.5],
      [8, 2.5],
      [7.5, 26.5],
    ]),
    ...both(140, sleeve),
    {
      grey: 60,
      outline: [
        [13.6, 4],
        [14.4, 4],
        [14.4, 26.5],
        [13.6, 26.5],
      ],
    },
    symmetric(90, [
      [11, 1],
      [13.5, 6],
    ]),
  ],
  sandal: [
    {
      grey: 180,
      outline: [
        [1, 20],
        [27, 14],
        [27.5, 21],
        [24, 21],
        [23.5, 17.5],
        [2, 22],
      ],
    },
    {
      grey: 200,
      outline: [
        [5, 19],
        [9, 12],
        [10.5, 12.5],
        [8, 18.5],
      ],
    },
    {
      grey: 200,
      outline: [
        [13, 17.5],
        [20, 9],
        [21.5, 10],
        [16, 17],
      ],
    },
    {
      grey: 170,
      outline: [
        [20, 9],
        [26.5, 10],
        [27, 14.5],
        [25.5, 14.5],
        [25, 11.5],
      ],
    },
  ],
  shirt: [
    symmetric(130, [
      [10.5, 1.5],
      [7.5, 2.5],
      [7.5, 26.5],
    ]),
    ...both(120, sleeve),
    {
      grey: 220,
      outline: [
        [13.7, 5],
        [14.3, 5],
        [14.3, 26],
        [13.7, 26],
      ],
    },
    ...both(230, [
      [10.5, 1],
      [14, 5],
      [11, 6],
    ]),
  ],
  sneaker: [
    {
      grey: 200,
      outline: [
        [1, 17],
        [8, 15.5],
        [15, 10.5],
        [18, 12],
        [24, 11],
        [27, 11],
        [27, 18],
        [1, 19],
      ],
    },
    {
      grey: 110,
      outline: [
        [1, 18],
        [27, 17],
        [27, 20],
        [1, 20.5],
      ],
    },
  ],
  bag: [
    {
      grey: 180,
      outline: [
        [2, 11],
        [26, 11],
        [27, 25],
        [1, 25],
      ],
    },
    {
      grey: 140,
      outline: [
        [2, 11],
        [26, 11],
        [24, 16],
        [4, 16],
      ],
    },
    {
      grey: 150,
      outline: [
        [8, 11],
        [10, 4],
        [18, 4],
        [20, 11],
        [18.5, 11],
        [17, 5.5],
        [11, 5.5],
        [9.5, 11],
      ],
    },
  ],
  'ankle-boot': [
    {
      grey: 190,
      outline: [
        [15, 3],
        [26, 3],
        [27, 24],
        [21, 24],
        [20, 22],
        [2, 24],
        [1, 20],
        [7, 17.5],
        [14, 14],
      ],
    },
    {
      grey: 90,
      outline: [
        [1, 23],
        [20, 22],
        [21, 24],
        [27, 24],
        [27, 25.5],
        [1, 25.5],
      ],
    },
  ],
};
